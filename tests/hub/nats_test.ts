import { testBroker } from "./_broker_tests.ts";

await testBroker({ kind: "nats", title: "NATS", program: "nats-server", port: 14_222 });
