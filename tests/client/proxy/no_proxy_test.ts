import { assertEquals } from "@std/assert";
import { isExempt } from "../../../lib/client/proxy/no_proxy.ts";

const CASES: [
  list: string,
  exempt: [hostname: string, port?: number][],
  others: [hostname: string, port?: number][],
][] = [
  ["", [], [["a.test"], ["127.0.0.1"]]],
  [" , ,", [], [["a.test"]]],
  ["*", [["a.test"], ["127.0.0.1"], ["::1"]], []],
  ["b.test,*", [["a.test"]], []],
  ["a.test", [["a.test"], ["www.a.test"], ["A.TEST"], ["a.test."]], [["aa.test"], ["a.test.evil"], ["test"]]],
  [".a.test", [["a.test"], ["www.a.test"]], [["aa.test"]]],
  ["A.Test.", [["www.a.test"]], [["b.test"]]],
  ["a.test, b.test\tc.test", [["a.test"], ["b.test"], ["c.test"]], [["d.test"]]],
  ["a.test:8080", [["a.test", 8080], ["www.a.test", 8080]], [["a.test", 80]]],
  ["*.a.test", [], [["www.a.test"]]], // curl has no patterns
  [".", [], [["a.test"]]],
  ["192.0.2.1", [["192.0.2.1"], ["::ffff:192.0.2.1"]], [["192.0.2.10"]]],
  ["1,.1,2.1", [], [["192.0.2.1"]]],
  ["10.0.0.0/8", [["10.1.2.3"]], [["11.1.2.3"], ["10.a.test"]]],
  ["10.0.0.0/8:80", [["10.1.2.3", 80]], [["10.1.2.3", 81]]],
  ["127.0.0.1:80", [["127.0.0.1", 80]], [["127.0.0.1", 81]]],
  ["::1", [["::1"], ["0:0::1"]], [["::2"]]],
  ["[::1]", [["::1"]], [["::2"]]],
  ["[::1]:80", [["::1", 80]], [["::1", 81]]],
  ["2001:db8::/32", [["2001:db8::1"]], [["2001:db9::1"]]],
  ["10.0.0.0/33", [], [["10.0.0.0"]]],
  ["[::1", [], [["::1"]]],
];
for (const [list, exempt, others] of CASES) {
  Deno.test(`NO_PROXY ${JSON.stringify(list)} matches the hosts that it lists and no others`, () => {
    for (const [hostname, port = 80] of exempt) assertEquals(isExempt(list, { hostname, port }), true, hostname);
    for (const [hostname, port = 80] of others) assertEquals(isExempt(list, { hostname, port }), false, hostname);
  });
}
