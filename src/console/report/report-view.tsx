/** A report at /reports/ID. */
export default function ReportView({ id }: { id: string }) {
  return <p class="loading">{id}</p>
}
