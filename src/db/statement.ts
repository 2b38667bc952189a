import { Prisma } from './generated/prisma/client.ts'

/** As `Prisma.Sql`, which makes its text anew each time. */
class Statement {
  readonly text: string
  readonly values: readonly unknown[]

  constructor(text: string, values: readonly unknown[]) {
    this.text = text
    this.values = values
  }

  /** Prisma's own client asks whether there is one, and takes the text. */
  get sql(): string {
    return this.text
  }
}

// Clients look for its class.
Object.setPrototypeOf(Statement.prototype, Prisma.Sql.prototype)

/**
 * A statement whose text is made once. @param make receives what stands for each value, in any number of places.
 * @returns makes the statement with values, in the same order.
 */
export function statement<Values extends readonly unknown[]>(
  count: number,
  make: (...places: Values) => Prisma.Sql,
): (...values: Values) => Prisma.Sql {
  const places = Array.from({ length: count }, () => ({}))
  const { text, values } = make(...(places as unknown as Values))
  const order = values.map((value) => places.indexOf(value as object))
  return (...given) =>
    new Statement(
      text,
      order.map((index) => given[index]),
    ) as unknown as Prisma.Sql
}
