import { valueFlag } from '../flag.ts';

/** The flags of every command that works with the catalog: jobs, runs and schedules. */
export const serviceFlags = {
  database: valueFlag({
    placeholder: 'URL',
    complete: 'file',
    help: 'Keep jobs and runs in PostgreSQL (postgresql://user@host/name) or in this file instead of in the state directory',
  }),
  'catalog-key-file': valueFlag({
    placeholder: 'FILE',
    complete: 'file',
    help: 'What secrets in the catalog are encrypted with (default: a file beside it, made at first use)',
  }),
} as const;
