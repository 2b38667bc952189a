declare module 'fs-native-extensions' {
  /** Takes an exclusive lock without waiting; false when another open file holds it. */
  export function tryLock(fd: number): boolean
}
