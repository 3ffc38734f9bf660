/** The environment for a program that is started to reach a storage: without our own settings, of which some are secrets. */
export function childEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.toUpperCase().startsWith('HOLDFAST_')),
  );
}
