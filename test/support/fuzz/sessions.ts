import { fc } from '@fast-check/vitest'
import { operation, soundOperation } from './documents.ts'
import { json, key, mostly, text } from './values.ts'

/** The next step of a WebSocket client. */
export type Step =
  | { do: 'say'; message: string; as: 'text' | 'binary' | 'parts' | 'part' }
  | { do: 'ping' | 'pong'; payload: string }
  /** Waits for the first message of the server, */
  | { do: 'wait for a message' }
  /** or until it has responded to earlier messages. */
  | { do: 'wait' }
  /** Bytes that are not a frame, or part of one. The last step: nothing that follows would be parsed. */
  | { do: 'garble'; bytes: number[] }
  | { do: 'close'; code: number; reason: string }

/** All steps of one client. */
export interface Session {
  protocols: string[]
  headers: Record<string, string>
  steps: Step[]
}

const id = fc.oneof({ weight: 30, arbitrary: fc.nat({ max: 30 }).map(String) }, { weight: 1, arbitrary: text })

const init = fc.oneof(
  {
    weight: 20,
    arbitrary: key.map((key) => ({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } })),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('connection_init'), payload: json }) },
)
const payload = fc.oneof({ weight: 12, arbitrary: soundOperation }, { weight: 1, arbitrary: operation })
const subscribe = fc.record({ id, type: fc.constant('subscribe'), payload })
const message: fc.Arbitrary<object> = fc.oneof(
  { weight: 40, arbitrary: subscribe },
  { weight: 10, arbitrary: fc.record({ id, type: fc.constant('complete') }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom('ping', 'pong'), payload: fc.dictionary(text, json) }) },
  { weight: 1, arbitrary: init },
  { weight: 1, arbitrary: fc.record({ id, type: fc.constantFrom('next', 'error', 'start', 'stop'), payload: json }) },
  { weight: 1, arbitrary: fc.record({ id: json, type: json, payload: json }, { requiredKeys: [] }) },
)

const as = fc.oneof(
  { weight: 8, arbitrary: fc.constant('text' as const) },
  { weight: 3, arbitrary: fc.constantFrom('binary' as const, 'parts' as const) },
)
const say = fc.record({
  do: fc.constant('say' as const),
  message: message.map((message) => JSON.stringify(message)),
  as,
})
const odd = fc.record({
  do: fc.constant('say' as const),
  message: fc.oneof(mostly(say.map(({ message }) => message)), text),
  as: fc.oneof(as, fc.constant('part' as const)),
})
const control = fc.string({ unit: 'binary-ascii', maxLength: 125 })
const step = fc.oneof<fc.MaybeWeightedArbitrary<Step>[]>(
  { weight: 24, arbitrary: say },
  { weight: 6, arbitrary: fc.constant({ do: 'wait' }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('ping', 'pong'), payload: control }) },
  { weight: 1, arbitrary: odd },
)

// Frames that no client sends: reserved bits and kinds, no mask, too long, and bytes that are not a frame.
const garbage = fc.oneof<fc.Arbitrary<number[]>[]>(
  fc.array(fc.nat({ max: 255 }), { minLength: 1, maxLength: 40 }),
  fc
    .tuple(fc.nat({ max: 255 }), fc.nat({ max: 255 }), fc.array(fc.nat({ max: 255 }), { maxLength: 20 }))
    .map(([first, second, rest]) => [first, second, ...rest]),
  fc.constantFrom(
    [0x81, 0xff, 0, 0, 0, 2, 0, 0, 0, 0],
    [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe7],
    [0x81, 0x81, 0, 0, 0, 0, 0xff],
  ),
)
const last = fc.oneof<fc.Arbitrary<Step>[]>(
  fc.record({ do: fc.constant('garble' as const), bytes: garbage }),
  fc.record({
    do: fc.constant('close' as const),
    code: fc.constantFrom(1000, 1001, 1011, 3000, 4403, 4999),
    reason: fc.string({ maxLength: 60 }),
  }),
)

/** Any behaviour of a client. */
export const session: fc.Arbitrary<Session> = fc
  .tuple(
    fc.oneof<fc.MaybeWeightedArbitrary<string[]>[]>(
      { weight: 20, arbitrary: fc.constant(['graphql-transport-ws']) },
      { weight: 1, arbitrary: fc.constantFrom<string[]>([], ['graphql-ws']) },
    ),
    fc.oneof(
      { weight: 20, arbitrary: fc.constant({}) },
      { weight: 1, arbitrary: fc.constantFrom('null', 'http://', 'https://app.example').map((origin) => ({ origin })) },
    ),
    fc.oneof({ weight: 12, arbitrary: fc.tuple(init) }, { weight: 1, arbitrary: fc.constant([]) }),
    fc.array(step, { maxLength: 14 }),
    fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.tuple(last) }),
  )
  .map(([protocols, headers, init, steps, last]) => {
    const opening = init.flatMap((init): Step[] => [
      { do: 'say', message: JSON.stringify(init), as: 'text' },
      // Before connection_ack, everything else is rejected.
      { do: 'wait for a message' },
    ])
    return { protocols, headers, steps: [...opening, ...steps, ...last] }
  })
