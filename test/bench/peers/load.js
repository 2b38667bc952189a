// Sends requests as fast as they are answered: a job as JSON on standard input, the result as JSON on standard output.
import { text } from 'node:stream/consumers'
import autocannon from 'autocannon'

/** `bodies` holds a list for each connection. */
const { url, headers, seconds, bodies } = JSON.parse(await text(process.stdin))
let next = 0
const { requests, latency, errors, non2xx, timeouts, mismatches } = await autocannon({
  url,
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  connections: bodies.length,
  duration: seconds,
  verifyBody: (body) => !body.includes('"errors"'),
  setupClient: (client) => client.setRequests(bodies[next++ % bodies.length].map((body) => ({ body }))),
})
console.log(
  JSON.stringify({
    perSecond: requests.average,
    p50: latency.p50,
    p99: latency.p99,
    failed: errors + non2xx + timeouts + mismatches,
  }),
)
