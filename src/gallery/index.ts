export { gallery, type SectionId, sectionIds } from "./gallery.ts";
export { type Co2Record, readCo2 } from "./mauna-loa.ts";
export { type PageOptions, page } from "./page.ts";
export type { Picture, Section, Table } from "./section.ts";
