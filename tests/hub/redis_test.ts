import { testBroker } from "./_broker_tests.ts";

await testBroker({ kind: "redis", title: "Redis", program: "redis-server", port: 16_379 });
