import type { StorageOption } from '../../option-schema.ts';

/** What `par2+` can be told, in duplicity's words; these names come besides those of any other storage. */
export const par2Options = [
  {
    name: 'par2-redundancy',
    kind: 'number',
    help: 'How much of an object can be repaired, in percent of it: so much larger becomes what is stored',
    default: '10',
  },
  {
    name: 'par2-volumes',
    kind: 'number',
    help: 'How many files the recovery data of an object are spread over',
    default: '1',
  },
  {
    name: 'par2-options',
    kind: 'string',
    help: 'Further parameters for "par2 create", as "-b500 -t1"',
    default: '',
  },
  {
    name: 'par2-program',
    kind: 'string',
    help: 'Name or path of the program par2',
    default: 'par2',
  },
  {
    name: 'par2-temporary-directory',
    kind: 'string',
    help: 'Where objects are while they are protected or verified, instead of the directory for temporary files of the system',
  },
] as const satisfies readonly StorageOption[];
