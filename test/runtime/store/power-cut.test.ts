import { powerCutHistories } from './power-cut/histories.ts';

powerCutHistories(1_000_000);
