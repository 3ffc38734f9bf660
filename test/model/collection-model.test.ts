import { collectionVariants } from './collection-model.ts';
import { variantTests } from './variant-tests.ts';

variantTests(
  'The collection protocol loses data only without one of its defences',
  collectionVariants,
);
