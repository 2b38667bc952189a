/** Functions of the migrations that the log calls; a newer version may drop one. */
export const SQL_FUNCTIONS: readonly string[] = [
  'append_permitted',
  'append_to_streams',
  'clear_deleted',
  'clear_removed',
  'delete_streams',
  'event_rank',
  'event_seek',
  'event_seq_at',
  'import_epochs',
  'keep_epochs',
  'move_stream',
  'restore_epoch',
  'trim_by_policy',
]
