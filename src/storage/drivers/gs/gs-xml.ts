import { SaxesParser } from 'saxes';

/** An element of one of the service's small documents. */
export interface XmlElement {
  readonly name: string;
  readonly children: readonly XmlElement[];
  /** The text directly in it. */
  readonly text: string;
}

interface Growing {
  readonly name: string;
  readonly children: Growing[];
  text: string;
}

/** Reads a whole document; `undefined` when it is none. Entities that a document declares itself are not resolved. */
export function parseXml(text: string): XmlElement | undefined {
  const parser = new SaxesParser();
  const document: Growing = { name: '', children: [], text: '' };
  const open: Growing[] = [document];
  let isBroken = false;
  parser.on('error', () => {
    isBroken = true;
  });
  parser.on('opentag', ({ name }) => {
    const element: Growing = { name, children: [], text: '' };
    open.at(-1)?.children.push(element);
    open.push(element);
  });
  parser.on('text', (piece) => {
    const element = open.at(-1);
    if (element !== undefined) element.text += piece;
  });
  parser.on('closetag', () => void open.pop());
  parser.write(text).close();
  return isBroken ? undefined : document.children[0];
}

/** The text of the first child of that name; `undefined` when there is none. */
export function childText(element: XmlElement | undefined, name: string): string | undefined {
  return element?.children.find((child) => child.name === name)?.text;
}
