/** Kinds of objects: the typed tokens under which the registry keeps, indexes and hands out objects. */

/** What tells one object of a kind from another. In the store it is written as text. */
export type Key = number | string;

export type IndexKey = number | string;

/** Every object that the registry keeps carries the version it was written with. */
export interface Versioned {
  readonly version: number;
}

/** An object with an id that the registry gives. */
export interface Stored extends Versioned {
  readonly id: number;
}

/** Where an object is found in a secondary index: under one key, several, or none. */
export type IndexFunction<T> = (object: T) => IndexKey | readonly IndexKey[] | undefined;

export interface Kind<T extends Versioned, K extends Key = number, I extends string = never> {
  readonly name: string;
  readonly firstId: number;
  readonly keyOf: (object: T) => K;
  readonly indexes: Readonly<Record<I, IndexFunction<T>>>;
  /** The JSON text of an object; JSON.stringify unless the kind knows a cheaper way to the same. */
  readonly toJson: (object: T) => string;
}

/** Any kind, where its type does not matter. */
export type KindDefinition = Kind<never, Key, string>;

interface IdKindOptions<T, I extends string> {
  readonly name: string;
  /** The first id that is given; 0 when absent. */
  readonly firstId?: number;
  readonly indexes?: Readonly<Record<I, IndexFunction<T>>>;
  readonly toJson?: (object: T) => string;
}

interface KeyKindOptions<T, K extends Key, I extends string> extends IdKindOptions<T, I> {
  readonly keyOf: (object: T) => K;
}

/**
 * Declares a kind. With `keyOf` the names of its indexes are checked where they are used:
 *
 *     const templates = defineKind<VmTemplate>({ name: "template" });
 *     const vms = defineKind({ name: "vm", keyOf: (vm: Vm) => vm.id, indexes: { owner: (vm) => vm.uid } });
 */
export function defineKind<T extends Versioned, K extends Key, I extends string = never>(
  options: KeyKindOptions<T, K, I>,
): Kind<T, K, I>;
export function defineKind<T extends Stored>(options: IdKindOptions<T, string>): Kind<T, number, string>;
export function defineKind<T extends Stored>(
  options: IdKindOptions<T, string> & { readonly keyOf?: (object: T) => number },
): Kind<T, number, string> {
  const { name, firstId = 0, keyOf = (object: T) => object.id, indexes = {} } = options;
  return { name, firstId, keyOf, indexes, toJson: options.toJson ?? JSON.stringify };
}
