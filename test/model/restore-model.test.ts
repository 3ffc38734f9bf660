import { restoreVariants } from './restore-model.ts';
import { variantTests } from './variant-tests.ts';

variantTests('A restore misses chunks only without one of its defences', restoreVariants);
