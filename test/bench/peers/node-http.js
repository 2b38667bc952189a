// The floor: node:http, one prepared statement, JSON built by PostgreSQL.
import { createServer } from 'node:http'
import { pageText, record } from './events.js'
import { ready } from './ready.js'

createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request) body += chunk
  const { query, variables } = JSON.parse(body)
  const text = query.startsWith('mutation')
    ? `{"data":{"recordWorkerEvents":${JSON.stringify(await record(variables))}}}`
    : `{"data":{"workerEvents":${await pageText(variables)}}}`
  response.setHeader('content-type', 'application/json')
  response.end(text)
}).listen(0, '127.0.0.1', ready)
