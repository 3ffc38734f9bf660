import { indexMergeVariants } from './index-merge-model.ts';
import { variantTests } from './variant-tests.ts';

variantTests(
  'Merging of index objects loses mentions of packs only without one of its defences',
  indexMergeVariants,
);
