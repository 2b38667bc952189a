import { withAudit } from '../accounts/audit.ts'
import { NODE_GONE_MS } from '../accounts/live-connections.ts'
import type { Viewer } from '../accounts/viewer.ts'
import type { PrismaClient } from '../db/generated/prisma/client.ts'
import { CodedError } from '../errors.ts'
import { builder } from './builder.ts'
import { listLength } from './list-length.ts'

const LiveTransport = builder.enumType('LiveTransport', {
  description: 'What a live connection is.',
  values: {
    WEBSOCKET: { description: 'A subscription over a WebSocket, perhaps with others.' },
    SERVER_SENT_EVENTS: { description: 'A subscription over server-sent events, the legacy report route included.' },
    HTTP_RESPONSE: {
      description:
        'A response over HTTP that takes longer than two seconds to be made and sent, such as a long list of the legacy report route.',
    },
  } as const,
})

const LiveConnection = builder.prismaObject('LiveConnection', {
  description: 'An open subscription, or a response that takes long, on whichever server, as it was a few seconds ago.',
  fields: (t) => ({
    id: t.expose('id', { type: 'UUID', description: 'Made by the server; what endLiveConnection takes.' }),
    apiKey: t.relation('apiKey', { nullable: true, description: 'Who reads; null for root.' }),
    streamId: t.expose('streamId', {
      type: 'UUID',
      nullable: true,
      description: 'The dataset or report that is followed or listed; null for a response that is not of one alone.',
    }),
    transport: t.expose('transport', { type: LiveTransport, description: 'What it is.' }),
    operationName: t.exposeString('operationName', {
      nullable: true,
      description: 'What the client calls its operation; null when it has no name.',
    }),
    openedAt: t.expose('openedAt', { type: 'DateTime', description: 'Since when it is open.' }),
    lag: t.field({
      type: 'SafeInt',
      nullable: true,
      description:
        'How many events of the stream lie between what it has been given last and the newest, filtered ones included; null without a stream.',
      select: { position: true, stream: { select: { head: true } } },
      resolve: ({ position, stream }) => stream && Math.max(0, Number(stream.head - position)),
    }),
  }),
})

/** Nodes with a recent heartbeat. */
const alive = () => ({ seenAt: { gt: new Date(Date.now() - NODE_GONE_MS) } })

builder.queryField('liveConnections', (t) =>
  t.prismaField({
    type: [LiveConnection],
    description:
      'The subscriptions to streams of an organization that are open now, and responses to its keys that take long, newest first. ADMIN in it.',
    authScopes: (_root, { organizationId }) => ({ adminIn: organizationId }),
    args: {
      organizationId: t.arg({ type: 'UUID', required: true, description: 'Whose streams.' }),
      first: t.arg.int({ defaultValue: 100, validate: listLength, description: 'At most so many, 1 to 1,000.' }),
      after: t.arg({ type: 'UUID', description: 'Only those opened before the one with this id: the last one seen.' }),
    },
    resolve: (query, _root, { organizationId, first, after }, { db }) =>
      db.liveConnection.findMany({
        ...query,
        where: { organizationId, node: alive(), endRequested: false, ...(after && { id: { lt: after } }) },
        orderBy: { id: 'desc' },
        take: first ?? 100,
      }),
  }),
)

builder.mutationField('endLiveConnection', (t) =>
  t.prismaField({
    type: LiveConnection,
    description:
      'Ends a subscription within five seconds, with the code FORBIDDEN and its cursor, or breaks off a response. Its client may come back: revoke the key to keep it out. ADMIN in the organization.',
    authScopes: { admin: true },
    args: { id: t.arg({ type: 'UUID', required: true, description: 'Its id.' }) },
    resolve: async (query, _root, { id }, { db, viewer }) => {
      const organizationId = await requestEnd(db, viewer, id)
      return db.liveConnection.findUniqueOrThrow({ ...query, where: { id, organizationId } })
    },
  }),
)

/** @returns the organization of the connection. */
async function requestEnd(db: PrismaClient, viewer: Viewer, id: string): Promise<string> {
  const owner = viewer.type === 'key' ? viewer.organizationId : undefined
  const open = await db.liveConnection.findFirst({ where: { id, organizationId: owner, node: alive() } })
  if (!open) throw new CodedError('NOT_FOUND', `There is no live connection ${id} that this key may end.`)
  const { organizationId, apiKeyId, streamId } = open
  const subject = { organizationId, subjectKind: 'LIVE_CONNECTION', subjectId: id } as const
  const ending = { action: 'END_CONNECTION', ...subject, details: { apiKeyId, streamId } } as const
  await withAudit(db, viewer, ending, async (transaction) => {
    const where = { id, organizationId, endRequested: false }
    const { count } = await transaction.liveConnection.updateMany({ where, data: { endRequested: true } })
    return count > 0 ? id : null
  })
  return organizationId
}
