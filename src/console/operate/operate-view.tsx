/** A page for administrators at /operate/PAGE. */
export default function OperateView({ page }: { page: string }) {
  return <p class="loading">{page}</p>
}
