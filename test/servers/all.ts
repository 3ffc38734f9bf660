import type { ServerKind } from './server-kind.ts';

/** Every server by its name; loaded when it is started. */
export const serverKinds: Readonly<Record<string, () => Promise<ServerKind>>> = {
  swift: async () => (await import('./swift.ts')).serverKind,
};
