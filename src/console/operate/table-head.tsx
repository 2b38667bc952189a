interface Props {
  columns: readonly string[]
  /** Whether a column of buttons follows, which has a name for screen readers only. */
  hasActions?: boolean
}

export function TableHead({ columns, hasActions = false }: Props) {
  return (
    <thead>
      <tr>
        {columns.map((column) => (
          <th key={column} scope="col">
            {column}
          </th>
        ))}
        {hasActions && (
          <th scope="col">
            <span class="hidden">Actions</span>
          </th>
        )}
      </tr>
    </thead>
  )
}
