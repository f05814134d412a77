// The settings of the run that is shown; until there is one, those that config.py has as defaults.

import { type Config, DEFAULT_CONFIG, DEFAULT_SAMPLING, type Sampling, type SettingFacts } from "../protocol.gen";
import type { State } from "./store";

export function configOf({ hello }: Pick<State, "hello">): Config {
  return hello?.config ?? DEFAULT_CONFIG;
}

/** How the samples that are shown were drawn. */
export function samplingOf({ hello, samples }: Pick<State, "hello" | "samples">): Sampling {
  return samples?.sampling ?? hello?.sampling ?? DEFAULT_SAMPLING;
}

/** Is it a setting of the run, and not one of its samples? */
export function isSetting(name: string): name is keyof Config {
  return name in DEFAULT_CONFIG;
}

export interface Setting extends SettingFacts {
  name: keyof Config;
}

/** What is known of each setting of the run, in the order of config.py. */
export function settingsOf({ hello }: Pick<State, "hello">): Setting[] {
  return (hello?.settings ?? []).flatMap((facts) => (isSetting(facts.name) ? [{ ...facts, name: facts.name }] : []));
}
