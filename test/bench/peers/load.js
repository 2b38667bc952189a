// Sends requests as fast as they are answered: a job as JSON on standard input, the result as JSON on standard output.
import { text } from 'node:stream/consumers'
import autocannon from 'autocannon'

/** `requests` holds a list for each connection. */
const { url, headers, seconds, status, requests: lists } = JSON.parse(await text(process.stdin))
let next = 0
const { requests, latency, errors, timeouts, mismatches, statusCodeStats } = await autocannon({
  url: new URL(url).origin,
  connections: lists.length,
  duration: seconds,
  verifyBody: (body) => !body?.includes('"errors"'),
  setupClient: (client) =>
    client.setRequests(
      lists[next++ % lists.length].map((each) => ({ ...each, headers: { ...each.headers, ...headers } })),
    ),
})
const others = Object.entries(statusCodeStats).filter(([code]) => Number(code) !== status)
const failures = {
  errors,
  timeouts,
  mismatches,
  ...Object.fromEntries(others.map(([code, { count }]) => [code, count])),
}
console.log(
  JSON.stringify({
    perSecond: requests.average,
    p50: latency.p50,
    p99: latency.p99,
    failures: Object.fromEntries(Object.entries(failures).filter(([, count]) => count > 0)),
  }),
)
