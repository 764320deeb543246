import { assertEquals, assertThrows } from "@std/assert";
import { describeIssue, STANDARD_SCHEMA } from "../../lib/typed/standard_schema.ts";
import { COUNT } from "./_schemas.ts";

Deno.test("a schema is an object or a function with the interface of version 1", () => {
  STANDARD_SCHEMA.check(COUNT, "schema");
  STANDARD_SCHEMA.check(Object.assign(() => {}, COUNT), "schema");
  const props = COUNT["~standard"];
  for (
    const other of [
      undefined,
      null,
      {},
      () => {},
      { "~standard": 1 },
      { "~standard": { ...props, version: 2 } },
      { "~standard": { ...props, validate: 1 } },
    ]
  ) {
    assertThrows(() => STANDARD_SCHEMA.check(other, "schema"), TypeError, "Standard Schema 1");
  }
});

Deno.test("the first issue is described with its path, and keys from a peer are shortened and quoted", () => {
  assertEquals(describeIssue([{ message: "Bad" }]), "Bad");
  assertEquals(describeIssue([{ message: "Bad", path: [] }]), "Bad");
  assertEquals(describeIssue([{ message: "Bad", path: ["user", { key: 3 }, "name"] }]), "user.3.name: Bad");
  assertEquals(describeIssue([{ message: "Bad", path: ["\u001b[31m"] }]), `"\\u001b[31m": Bad`);
  assertEquals(describeIssue([{ message: "Bad", path: ["k".repeat(1000)] }]), `"${"k".repeat(40)}": Bad`);
  assertEquals(describeIssue([{ message: "Bad", path: [Symbol("s")] }]), `"Symbol(s)": Bad`);
  assertEquals(describeIssue([]), "no reason given");
});
