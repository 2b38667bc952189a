export function Logo() {
  return (
    <svg
      class="logo"
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="2.2"
      stroke-linecap="round"
      aria-hidden="true"
    >
      <path d="M2 9c3-4 6-4 9 0s6 4 9 0" opacity=".45" />
      <path d="M2 14c3-4 6-4 9 0s6 4 9 0" />
      <path d="M4 20h16" stroke-width="1.6" />
    </svg>
  )
}
