import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'
import proxyAddr from 'proxy-addr'

/** The address that a request counts for. Undefined once its connection is gone. */
export type AddressOf = (request: IncomingMessage) => string | undefined

/**
 * The address at the other end of the connection, or, where that is a trusted proxy's, what its X-Forwarded-For says:
 * the last address in it that is no trusted proxy's. What a client itself writes there is before that, and not looked
 * at.
 * @param trustedProxies addresses, networks, and the names that `proxy-addr` has for some.
 * @throws TypeError when one of them is none of these.
 */
export function createAddressOf(trustedProxies: readonly string[]): AddressOf {
  if (trustedProxies.length === 0) return ({ socket }) => socket.remoteAddress
  const trust = proxyAddr.compile([...trustedProxies])
  return (request) => (request.socket.remoteAddress ? proxyAddr(request, trust) : undefined)
}

/**
 * Whether a request comes from this machine or a private network, and from there itself: proxies say for whom they
 * ask.
 */
export function isFromNearby({ socket, headers }: IncomingMessage): boolean {
  const { remoteAddress } = socket
  if (!remoteAddress || headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) return false
  return ['loopback', 'private', 'uniqueLocal', 'linkLocal'].includes(ipaddr.process(remoteAddress).range())
}
