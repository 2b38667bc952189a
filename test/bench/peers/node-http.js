// The floor: node:http, one prepared statement, JSON built by PostgreSQL.
import { createServer } from 'node:http'
import { pageText, record, reportEvents, trievePage } from './events.js'
import { ready } from './ready.js'

createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request) body += chunk
  const text = await answer(request, body)
  response.setHeader('content-type', 'application/json')
  response.end(text)
}).listen(0, '127.0.0.1', ready)

async function answer({ url, headers }, body) {
  const [, report] = /^\/api\/v1\/reports\/([^/]+)\/events$/.exec(url) ?? []
  if (report) return reportEvents(report)
  if (url === '/api/dataset/events') {
    const { page, page_size: pageSize } = JSON.parse(body)
    return trievePage({ datasetId: headers['tr-dataset'], page, pageSize })
  }
  const { query, variables } = JSON.parse(body)
  return query.startsWith('mutation')
    ? `{"data":{"recordWorkerEvents":${JSON.stringify(await record(variables))}}}`
    : `{"data":{"workerEvents":${await pageText(variables)}}}`
}
