type Environment = Readonly<Record<string, string | undefined>>;

/** What opens the catalog: no program that we start needs it. */
const ofService = /^HOLDFAST_(?:DATABASE$|(?:CATALOG_KEY|API_TOKEN|TOKEN|CONFIG|LISTEN)(?:_|$))/u;

/** What would change what a command does that a run asks for, or says which repository it is about. */
const ofCommands =
  /^HOLDFAST_(?:REPOSITORY|JSON|QUIET|VERBOSE|DEBUG|NO_PROGRESS|DRY_RUN|TARGET|AT|IN_PLACE|DELETE|OVERWRITE|YES|FORCE|REPAIR|FORMAT|FULL|TAG|TIME|STDIN|KEEP_[A-Z_]+|DATABASE_(?!TOOLS$)[A-Z_]+|TO|SCRATCH|(?:FROM|NEW)_PASSPHRASE[A-Z_]*|JOB|RUN|ACTIVITY|TRIGGER|OUTCOME|ERROR|EXIT_STATUS|SNAPSHOT|DESTINATION)$/u;

/** What programs that are not our own get of the service's environment. */
export const outsideEnvironment = (environment: Environment): Environment =>
  without(environment, ofService);

/** What operations of our own get of it: settings of storages and the like, but nothing that a job has to say itself. */
export const operationEnvironment = (environment: Environment): Environment =>
  without(environment, ofService, ofCommands);

function without(environment: Environment, ...patterns: readonly RegExp[]): Environment {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !patterns.some((pattern) => pattern.test(name))),
  );
}
