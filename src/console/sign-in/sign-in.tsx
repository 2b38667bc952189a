import { useRef, useState } from 'preact/hooks'
import { asApiError } from '../api/api-error.ts'
import { Logo } from '../layout/logo.tsx'
import { key, signedOutBecause, signOut } from '../session/key.ts'
import { loadOrganizations } from '../session/organization.ts'
import { loadViewer } from '../session/viewer.ts'

/** Asks for a key and tries it. It is kept by this tab only, and is never part of an address. */
export function SignIn() {
  const input = useRef<HTMLInputElement>(null)
  const [problem, setProblem] = useState('')
  const [isTrying, setTrying] = useState(false)
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const entered = input.current?.value.trim() ?? ''
    if (!/^[\x21-\x7e]+$/.test(entered)) return setProblem('A key has printable ASCII characters without spaces.')
    setTrying(true)
    setProblem('')
    key.value = entered
    try {
      await loadViewer()
      await loadOrganizations()
      signedOutBecause.value = ''
    } catch (error) {
      const { code, message } = asApiError(error)
      signOut()
      setProblem(code === 'UNAUTHENTICATED' ? 'The server does not know this key, or it has expired.' : message)
    } finally {
      setTrying(false)
    }
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
        {problem && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" class="button primary" disabled={isTrying}>
          {isTrying ? 'Trying the key …' : 'Sign in'}
        </button>
        <p class="sub">
          The key stays in this tab until it is closed. The first start of a server writes its root key to{' '}
          <code>DATA_DIR/root-api-key</code>; <code>tidemark keys create</code> makes others.
        </p>
      </form>
    </main>
  )
}
