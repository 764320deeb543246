import { nodeDialer } from "../../lib/client/node_dialer.ts";
import { testDialer } from "./_dialer_tests.ts";

testDialer("Node's dialer", nodeDialer, "does not match certificate's altnames");
