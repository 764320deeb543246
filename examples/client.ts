// deno-lint-ignore-file no-console -- an example prints
// A client that connects through the proxy of the environment, over TLS with your own certificate authority and a client
// certificate, follows up to two redirects, and has a timeout. It sends one line and prints the reply.
//
//   HTTPS_PROXY=http://user:password@127.0.0.1:3128 \
//     deno run --allow-net --allow-env --allow-read examples/client.ts wss://127.0.0.1:8443/echo hello [ca.pem [cert.pem key.pem]]

import { connect, HandshakeError } from "@sluice/websocket";

const [url = "ws://127.0.0.1:8080/echo", line = "hello", ca, cert, key] = Deno.args;
try {
  await using socket = await connect(url, {
    proxy: "env", // HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY
    ...(ca !== undefined && { caCerts: [await Deno.readTextFile(ca)] }),
    ...(cert !== undefined && key !== undefined && {
      cert: await Deno.readTextFile(cert),
      key: await Deno.readTextFile(key),
    }),
    maxRedirects: 2,
    signal: AbortSignal.timeout(5_000), // for the way there, proxy and TLS included
  });
  await socket.send(line);
  for await (const reply of socket) {
    console.log(`${socket.url} says ${reply}`);
    break;
  }
} catch (error) {
  if (!(error instanceof HandshakeError)) throw error;
  // A refusal, the server's or the proxy's, comes with what they had to say.
  console.log(`${error.message}: ${new TextDecoder().decode(error.body)}`);
  Deno.exitCode = 1;
}
