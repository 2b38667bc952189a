import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'
import proxyAddr from 'proxy-addr'

/** The address that a request is charged to; undefined once its connection is gone. */
export type AddressOf = (request: IncomingMessage) => string | undefined

/** The last untrusted X-Forwarded-For entry; clients can forge the others. @throws TypeError for an invalid network. */
export function createAddressOf(trustedProxies: readonly string[]): AddressOf {
  if (trustedProxies.length === 0) return ({ socket }) => socket.remoteAddress
  const trust = proxyAddr.compile([...trustedProxies])
  return (request) => (request.socket.remoteAddress ? proxyAddr(request, trust) : undefined)
}

/** Whether a request comes from this machine or a private network directly, not through a proxy. */
export function isFromNearby({ socket, headers }: IncomingMessage): boolean {
  const { remoteAddress } = socket
  if (!remoteAddress || headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) return false
  return ['loopback', 'private', 'uniqueLocal', 'linkLocal'].includes(ipaddr.process(remoteAddress).range())
}
