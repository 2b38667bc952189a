/** Of Prisma's errors. Other formats quote a call's arguments, and errors are logged. */
export const ERROR_FORMAT = 'minimal'
