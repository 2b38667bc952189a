import { useRef } from 'preact/hooks'
import { Logo } from '../layout/logo.tsx'
import { key, signedOutBecause, signOut } from '../session/key.ts'

/** Asks for a key. It is kept by this tab only, and is never part of an address. */
export function SignIn() {
  const input = useRef<HTMLInputElement>(null)
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const entered = input.current?.value.trim() ?? ''
    if (!/^[\x21-\x7e]+$/.test(entered)) {
      signOut('A key has printable ASCII characters without spaces.')
      return
    }
    signedOutBecause.value = ''
    key.value = entered
  }
  return (
    <main class="sign-in">
      <form class="card stack" onSubmit={submit}>
        <h1 class="brand">
          <Logo /> Tidemark
        </h1>
        {signedOutBecause.value && (
          <p class="problem" role="alert">
            {signedOutBecause.value}
          </p>
        )}
        <label>
          API key
          <input ref={input} type="password" name="key" autocomplete="off" spellcheck={false} required autofocus />
        </label>
        <button type="submit" class="button primary">
          Sign in
        </button>
        <p class="sub">
          The key stays in this tab until it is closed. The first start of a server writes its root key to{' '}
          <code>DATA_DIR/root-api-key</code>; <code>tidemark keys create</code> makes others.
        </p>
      </form>
    </main>
  )
}
