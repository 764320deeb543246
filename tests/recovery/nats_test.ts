import { testLog } from "./_log_tests.ts";

testLog("nats", "JetStream", "nats-server");
