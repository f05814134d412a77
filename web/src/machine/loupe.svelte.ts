// Where the loupe is, in page pixels of the window; null while nothing is pointed at.
export const loupe: { at: { x: number; y: number } | null } = $state({ at: null });
