import { EventEmitter, once } from 'node:events'
import { type TcpProxy, tcpProxy } from './tcp-proxy.ts'

interface HoldingProxy extends TcpProxy {
  /** Holds the next answer that contains this text. @returns when it is held. */
  hold(text: string): Promise<unknown>
  release(): void
}

/** A proxy that holds back one answer of the database until it is released. */
export async function holdingProxy(upstream: string): Promise<HoldingProxy> {
  let wanted: string | undefined
  const happened = new EventEmitter()
  const [held, released] = [once(happened, 'held'), once(happened, 'released')]
  const proxy = await tcpProxy(upstream, (chunk) => {
    if (wanted === undefined || !chunk.includes(wanted)) return 0
    wanted = undefined
    happened.emit('held')
    return released
  })
  return Object.assign(proxy, {
    hold(text: string) {
      wanted = text
      return held
    },
    release: () => void happened.emit('released'),
  })
}
