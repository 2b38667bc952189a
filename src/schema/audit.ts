import { builder } from './builder.ts'
import { listLength } from './list-length.ts'

const AuditAction = builder.enumType('AuditAction', {
  description: 'What somebody did.',
  values: {
    CREATE_ORGANIZATION: { description: 'Created an organization, which is the subject.' },
    CREATE_DATASET: { description: 'Created a dataset, which is the subject.' },
    CREATE_REPORT: { description: 'Created a report, which is the subject.' },
    CREATE_API_KEY: { description: 'Created an API key, whose id is the subject.' },
    REDACT_EVENT: { description: 'Removed the payload of an event, whose id is the subject.' },
    SET_RETENTION: {
      description: 'Said how long to keep the events of the subject, an organization, a dataset or a report.',
    },
    END_CONNECTION: { description: 'Ended a live connection, whose id is the subject.' },
    REVOKE_API_KEY: { description: 'Revoked an API key, whose id is the subject.' },
  } as const,
})

const AuditSubjectKind = builder.enumType('AuditSubjectKind', {
  description: 'What kind of thing an administrative act was done to.',
  values: {
    ORGANIZATION: { description: 'The organization itself.' },
    DATASET: { description: 'A dataset of the organization.' },
    REPORT: { description: 'A report of the organization.' },
    API_KEY: { description: 'An API key of the organization.' },
    EVENT: { description: 'An event; its id is unique within its stream, which the details name as streamId.' },
    LIVE_CONNECTION: { description: 'A live connection to a stream of the organization.' },
  } as const,
})

const AuditEntry = builder.prismaObject('AuditEntry', {
  description: 'An administrative act. It is recorded with the act itself: neither is there without the other.',
  fields: (t) => ({
    id: t.expose('id', { type: 'UUID', description: 'Made by the server.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When it was done.' }),
    organizationId: t.expose('organizationId', { type: 'UUID', description: 'The organization that it concerns.' }),
    actorKeyId: t.expose('actorKeyId', {
      type: 'UUID',
      nullable: true,
      description: 'The API key it was done with; null for the root key and for the command line.',
    }),
    action: t.field({
      type: AuditAction,
      description: 'What was done.',
      resolve: ({ action }) => action as typeof AuditAction.$inferType,
    }),
    subjectKind: t.expose('subjectKind', { type: AuditSubjectKind, description: 'What kind of thing the subject is.' }),
    subjectId: t.expose('subjectId', {
      type: 'UUID',
      description: 'The id of what it was done to. Things of different kinds may have the same id: see subjectKind.',
    }),
    details: t.field({
      type: 'JSON',
      description: 'What was asked for, such as the name or the role. No secrets.',
      resolve: ({ details }) => JSON.parse(details),
    }),
  }),
})

builder.queryField('auditEntries', (t) =>
  t.prismaField({
    type: [AuditEntry],
    description: 'The administrative acts that concern an organization, newest first. ADMIN in it.',
    authScopes: (_root, { organizationId }) => ({ adminIn: organizationId }),
    args: {
      organizationId: t.arg({ type: 'UUID', required: true, description: 'Which organization.' }),
      first: t.arg.int({ defaultValue: 100, validate: listLength, description: 'At most so many, 1 to 1,000.' }),
      after: t.arg({ type: 'UUID', description: 'Only acts before the one with this id: the last one seen.' }),
    },
    resolve: (query, _root, { organizationId, first, after }, { db }) =>
      db.auditEntry.findMany({
        ...query,
        where: { organizationId, ...(after && { id: { lt: after } }) },
        orderBy: { id: 'desc' },
        take: first ?? 100,
      }),
  }),
)
