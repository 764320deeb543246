import { assertEquals } from "@std/assert";
import { pageFault } from "../../lib/recovery/page_fault.ts";
import { entriesOf } from "./_support.ts";

const page = (head: number, from: number, offsets: readonly number[], before = from) => ({
  epoch: "e",
  head,
  from,
  entries: entriesOf(before, offsets),
});

Deno.test("complete pages have no fault, whether their numbers increase by one or by more", () => {
  assertEquals(pageFault(page(5, 0, []), Infinity), undefined);
  assertEquals(pageFault(page(5, 0, []), 5), undefined);
  assertEquals(pageFault(page(5, 5, []), 2), undefined); // everything has expired
  assertEquals(pageFault(page(5, 0, [3, 4, 5], 2), 2), undefined);
  assertEquals(pageFault(page(90, 0, [30, 41], 20), 20), undefined); // there are more messages than the limit
  assertEquals(pageFault(page(5, 3, [4, 5]), 1), undefined); // the page says that some are missing
});

Deno.test("a page that hides messages, or has them in the wrong order, has a fault", () => {
  assertEquals(pageFault(page(5, 0, []), 2), "no message after 2, but the last one is 5");
  assertEquals(pageFault(page(5, 0, [2, 3], 1), 2), "message 2, which is not after 2");
  assertEquals(pageFault(page(5, 0, [5, 6], 4), 4), "message 6, but the last one is 5");
  assertEquals(pageFault(page(5, 0, [4, 5], 3), 2), "message 4 without the previous one, 3");
  assertEquals(pageFault(page(5, 0, [4, 3], 2), 2), "message 3 after 4");
  const { entries, ...rest } = page(5, 0, [3, 4, 5], 2);
  assertEquals(pageFault({ ...rest, entries: [entries[0]!, entries[2]!] }, 2), "message 5 without the previous one, 4");
});
