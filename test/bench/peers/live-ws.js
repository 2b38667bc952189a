// The floor: one prepared message per event, sent to every socket as it is.
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { WebSocketServer } from 'ws'
import { stored } from './live-schema.js'
import { ready } from './ready.js'

const subscribers = new Set()
const server = createServer(async (request, response) => {
  const { variables } = await json(request)
  for (const workerEvents of stored(variables.events)) {
    const message = Buffer.from(JSON.stringify({ id: '1', type: 'next', payload: { data: { workerEvents } } }))
    for (const socket of subscribers) socket.send(message, { binary: false })
  }
  response.end('{"data":{"recordWorkerEvents":true}}')
})
new WebSocketServer({ server, path: '/graphql' }).on('connection', (socket) => {
  socket.on('message', (data) => {
    if (JSON.parse(data).type === 'subscribe') subscribers.add(socket)
    else socket.send('{"type":"connection_ack"}')
  })
  socket.on('close', () => subscribers.delete(socket))
})
server.listen(0, '127.0.0.1', ready)
