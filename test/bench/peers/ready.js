/** Prints the URL of a server that has just begun to listen. */
export function ready() {
  console.log(`ready: http://127.0.0.1:${this.address().port}/graphql`)
}
