import SchemaBuilder from '@pothos/core'
import ComplexityPlugin from '@pothos/plugin-complexity'
import PrismaPlugin from '@pothos/plugin-prisma'
import RelayPlugin, { resolveNodes } from '@pothos/plugin-relay'
import ScopeAuthPlugin from '@pothos/plugin-scope-auth'
import TracingPlugin, { runFunction } from '@pothos/plugin-tracing'
import ValidationPlugin from '@pothos/plugin-validation'
import { z } from 'zod'
import { canSee, hasRole, hasRoleIn, hasRoleInOwn, hiddenStream, keyIdOf } from '../accounts/viewer.ts'
import type PrismaTypes from '../db/generated/pothos.ts'
import { getDatamodel } from '../db/generated/pothos.ts'
import type { ApiKeyRole, StreamKind } from '../db/generated/prisma/client.ts'
import { CodedError, type ErrorCode } from '../errors.ts'
import { outcomeOfError } from '../lib/outcome.ts'
import type { StreamOwner } from '../log/append/stream-owners.ts'
import BudgetPlugin from './budget-plugin.ts'
import type { Context } from './context.ts'
import { fieldCost } from './field-cost.ts'
import { decodeGlobalId, isNode, MOST_NODES } from './global-id.ts'
import { PLAIN_LIST, plain } from './plain-field.ts'
import { ROW_PAGE } from './row-page.ts'
import { DateTime, JSONValue, SafeInt, UUID } from './scalars.ts'

interface Types {
  Context: Context
  PrismaTypes: PrismaTypes
  DefaultFieldNullability: false
  DefaultEdgesNullability: { list: false; items: false }
  DefaultNodeNullability: false
  Connection: { totalCount: () => number | Promise<number> }
  Scalars: {
    DateTime: { Input: Date; Output: Date }
    JSON: { Input: unknown; Output: unknown }
    SafeInt: { Input: number; Output: number }
    UUID: { Input: string; Output: string }
  }
  AuthScopes: {
    authenticated: boolean
    root: boolean
    /** WRITE or ADMIN in the viewer's whole organization. */
    write: boolean
    admin: boolean
    // With the id of an organization.
    writeIn: string
    adminIn: string
    // With the id of a stream; NOT_FOUND when the viewer cannot see it.
    readDataset: string
    writeDataset: string
    adminDataset: string
    readReport: string
    writeReport: string
    adminReport: string
    // WRITE on a stream that may be deleted by now: for what appends to it.
    appendToDataset: string
    appendToReport: string
  }
}

/** Plugins, scalars and scopes; domain types are added by the files beside it. */
export const builder = new SchemaBuilder<Types>({
  // Outermost first: Budget draws the final value, Tracing times the whole field, Complexity only annotates, Relay
  // decodes arguments before scope-auth, which rejects before Prisma loads. Validation runs before scope-auth in any
  // order, so its messages must depend on the arguments alone.
  plugins: [
    BudgetPlugin,
    TracingPlugin,
    ComplexityPlugin,
    RelayPlugin,
    ScopeAuthPlugin,
    PrismaPlugin,
    ValidationPlugin,
  ],
  defaultFieldNullability: false,
  tracing: {
    // Not subscriptions: their resolvers run once per event.
    default: ({ parentType }) => parentType === 'Query' || parentType === 'Mutation',
    wrap:
      (resolver, _options, { parentType, name }) =>
      (source, args, context, info) => {
        const span = context.span?.child(`${parentType}.${name}`)
        if (!span) return resolver(source, args, context, info)
        const end = (error: unknown) => span.end(error ? outcomeOfError(error) : 'ok')
        return runFunction(() => resolver(source, args, context, info), end)
      },
  },
  // Disabled because the limits are checked before execution; the plugin only records costs.
  complexity: { disabled: true, fieldComplexity: fieldCost },
  relay: {
    idFieldName: 'nodeId',
    idFieldOptions: { description: 'Global id: opaque, and unique among all types. Pass it to node.' },
    decodeGlobalID: decodeGlobalId,
    nodeTypeOptions: { description: 'An object that can be found by a global id.' },
    nodeQueryOptions: {
      description: 'Finds an object by its nodeId. Null if it does not exist or the key cannot access it.',
      authScopes: { authenticated: true },
      args: { id: { description: 'The nodeId of the object.' } },
      resolve: (_root, { id }, _context, { schema }, find) => (isNode(schema, id) ? find(id) : null),
    },
    nodesQueryOptions: {
      description:
        'Finds objects by their nodeIds. The list has the order of ids, with null for each object that does not ' +
        'exist or that the key cannot access.',
      authScopes: { authenticated: true },
      args: {
        ids: {
          validate: z.array(z.unknown()).max(MOST_NODES, `must contain at most ${MOST_NODES} ids`),
          description: `The nodeIds of the objects: at most ${MOST_NODES}.`,
        },
      },
      // The plugin would fail for all of them when one is of no node type.
      resolve: (_root, { ids }, context, info): Promise<unknown[]> =>
        resolveNodes(
          builder,
          context,
          info,
          ids.map((id) => (isNode(info.schema, id) ? id : null)),
        ),
    },
    cursorType: 'String',
    edgesFieldOptions: {
      ...PLAIN_LIST,
      nullable: { list: false, items: false },
      description: 'Items of this page, each with its cursor.',
    },
    nodeFieldOptions: {
      nullable: false,
      description: 'The item of this edge.',
      extensions: plain(({ node }: { node: unknown }) => node).extensions,
    },
    nodesOnConnection: { ...PLAIN_LIST, description: 'Items of this page, without cursors.' },
    cursorFieldOptions: {
      extensions: plain(({ cursor }: { cursor: string }) => cursor).extensions,
      description:
        'Opaque position of this item. Pass it as `after` or `before` to read pages from here. The cursor of an ' +
        'event fits either order, and `after` of a subscription to the same stream.',
    },
    pageInfoFieldOptions: { description: 'Whether there are more pages, and the cursors to get them.' },
    pageInfoTypeOptions: { description: 'Pagination details, as defined by the Relay connection specification.' },
    hasNextPageFieldOptions: {
      description: 'Whether more items follow this page.',
    },
    hasPreviousPageFieldOptions: {
      description: 'Whether more items precede this page.',
    },
    startCursorFieldOptions: { description: 'Cursor of the first edge. Null if the page is empty.' },
    endCursorFieldOptions: { description: 'Cursor of the last edge. Null if the page is empty.' },
    beforeArgOptions: { description: 'Return only items before this cursor.' },
    afterArgOptions: { description: 'Return only items after this cursor.' },
    firstArgOptions: {
      description:
        'Maximum number of items from the start, 0 to 1,000. Defaults to 20 if neither first nor last is given. A ' +
        'page of events also ends at 16 MiB of selected payload data: rely on hasNextPage, not on the number of ' +
        'items.',
    },
    lastArgOptions: {
      description: 'Maximum number of items from the end, 0 to 1,000. Cannot be combined with first.',
    },
  },
  scopeAuth: {
    authorizeOnSubscribe: true,
    unauthorizedError: (_parent, { viewer }) =>
      viewer.type === 'anonymous'
        ? new CodedError('UNAUTHENTICATED', 'A valid API key is required. Send it as "Authorization: Bearer KEY".')
        : new CodedError('FORBIDDEN', 'Permission denied: this needs an API key with a higher role or wider access.'),
    authScopes: ({ viewer, dataset, report, log }) => {
      const mayOn = (role: ApiKeyRole, find: (id: string) => Promise<unknown>) => async (id: string) => {
        if (viewer.type === 'anonymous') return false
        await find(id)
        return hasRole(viewer, role)
      }
      const mayAppend = (kind: StreamKind) => async (id: string) => {
        if (viewer.type === 'anonymous') return false
        const isVisible = (owner: StreamOwner) => owner.kind === kind && canSee(viewer, owner)
        const owner = await log.ownerOf(id, isVisible, keyIdOf(viewer))
        if (!owner || !isVisible(owner)) throw hiddenStream(id)
        return hasRole(viewer, 'WRITE')
      }
      return {
        authenticated: viewer.type !== 'anonymous',
        root: viewer.type === 'root',
        write: hasRoleInOwn(viewer, 'WRITE'),
        admin: hasRoleInOwn(viewer, 'ADMIN'),
        writeIn: (organizationId) => hasRoleIn(viewer, organizationId, 'WRITE'),
        adminIn: (organizationId) => hasRoleIn(viewer, organizationId, 'ADMIN'),
        readDataset: mayOn('READ', dataset),
        writeDataset: mayOn('WRITE', dataset),
        adminDataset: mayOn('ADMIN', dataset),
        readReport: mayOn('READ', report),
        writeReport: mayOn('WRITE', report),
        adminReport: mayOn('ADMIN', report),
        appendToDataset: mayAppend('DATASET'),
        appendToReport: mayAppend('REPORT'),
      }
    },
  },
  prisma: {
    client: ({ db }) => db,
    dmmf: getDatamodel(),
    onUnusedQuery: 'error',
    ...ROW_PAGE,
  },
  validation: {
    validationError: ({ issues }) =>
      new CodedError(
        issues.map(codeOf).find(Boolean) ?? 'BAD_USER_INPUT',
        // A list may have thousands of similar issues.
        issues
          .slice(0, 5)
          .map(({ path, message }) => [path?.join('.'), message].filter(Boolean).join(' '))
          .join('; '),
      ),
  },
})

builder.globalConnectionField('totalCount', (t) =>
  t.field({
    type: 'SafeInt',
    description: 'Number of items that match the filters, on all pages. Fast for events, however many there are.',
    // With it, the Prisma plugin reads no rows for this field alone.
    extensions: { pothosPrismaTotalCount: true },
    resolve: ({ totalCount }) => totalCount(),
  }),
)

// A check may name a more specific code.
function codeOf(issue: object): ErrorCode | undefined {
  return (issue as { params?: { code?: ErrorCode } }).params?.code
}

builder.queryType({ description: 'Read operations. Every field requires a valid API key.' })
builder.mutationType({
  description:
    'Write operations. Every field requires a valid API key. A field that fails is null; the others keep ' +
    'their results.',
})

builder.subscriptionType({
  description:
    'Live event streams, over WebSocket (graphql-transport-ws) or server-sent events. Every field requires a valid ' +
    'API key.',
})

builder.addScalarType('DateTime', DateTime)
builder.addScalarType('JSON', JSONValue)
builder.addScalarType('SafeInt', SafeInt)
builder.addScalarType('UUID', UUID)
