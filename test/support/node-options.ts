/**
 * Options of Node.js for processes that run the server. They live for seconds, in which V8 would compile the
 * WebAssembly of the embedded database and of Prisma a second time, to run faster: half of what such a process costs.
 */
export const NODE_OPTIONS = ['--liftoff-only'] as const
