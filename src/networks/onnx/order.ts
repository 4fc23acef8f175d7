import { FormatError } from "../../errors/index.ts";
import type { OnnxNode } from "./model.ts";

/** What to call a node in errors. */
export function nodeName(node: OnnxNode): string {
  const name = node.name || node.outputs.find((output) => output !== "") || "without a name";
  return `node "${name}" (${node.domain ? `${node.domain}.` : ""}${node.operator})`;
}

/**
 * The nodes that `outputs` need, each after those that it needs. Throws FormatError for a value that two nodes give
 * or none, and for nodes that need each other.
 */
export function inOrder(
  nodes: readonly OnnxNode[],
  known: ReadonlySet<string>,
  outputs: readonly string[],
): readonly OnnxNode[] {
  const makers = new Map<string, OnnxNode>();
  for (const node of nodes) {
    for (const output of node.outputs) {
      if (output === "") continue;
      if (makers.has(output) || known.has(output)) {
        throw new FormatError(`${nodeName(node)} gives "${output}", which something else gives already`);
      }
      makers.set(output, node);
    }
  }
  const done = new Set<OnnxNode>();
  const open = new Set<OnnxNode>();
  const order: OnnxNode[] = [];
  // A stack of its own: graphs can be deeper than the call stack.
  const stack: { readonly node: OnnxNode; next: number }[] = [];
  const visit = (name: string, by: string): void => {
    if (name === "" || known.has(name)) return;
    const node = makers.get(name);
    if (!node) throw new FormatError(`${by} needs "${name}", which nothing in the graph gives`);
    if (done.has(node)) return;
    if (open.has(node))
      throw new FormatError(`${nodeName(node)} needs its own output: the graph has a cycle`);
    open.add(node);
    stack.push({ node, next: 0 });
  };
  for (const output of outputs) {
    visit(output, "the graph's output");
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const input = top.node.inputs[top.next++];
      if (input !== undefined) {
        visit(input, nodeName(top.node));
        continue;
      }
      stack.pop();
      open.delete(top.node);
      done.add(top.node);
      order.push(top.node);
    }
  }
  return order;
}
