import { lookUp, type FilePart, type MediaSource } from "@trunkline/contracts";

const dataUrl = /^data:([^;,]*)((?:;[^;,]*)*),(.*)$/s;

/** The media type and base64 data of a `data:` URL, or undefined when it is none. */
export function parseDataUrl(url: string): { readonly mediaType: string; readonly data: string } | undefined {
  if (!url.startsWith("data:")) return undefined;
  const match = dataUrl.exec(url);
  if (!match) return undefined;
  const [, mediaType = "", parameters = "", payload = ""] = match;
  const isBase64 = parameters.toLowerCase().includes(";base64");
  const data = isBase64 ? payload : Buffer.from(percentDecoded(payload)).toString("base64");
  return { mediaType: mediaType || "text/plain", data };
}

/** As browsers read it: a percent sign that stands for nothing is itself. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A URL as a media source: inline when it is a `data:` URL. `fallbackType` names the range when the URL does not say. */
export function sourceFromUrl(url: string, fallbackType: string): { mediaType: string; source: MediaSource } {
  const inline = parseDataUrl(url);
  if (inline) return { mediaType: inline.mediaType, source: { kind: "base64", data: inline.data } };
  return { mediaType: typeFromName(url) ?? fallbackType, source: { kind: "url", url } };
}

/** OpenAI's `file_data`: a `data:` URL, or bare base64 of the fallback's type. */
export function sourceFromData(data: string, fallbackType: string): { mediaType: string; source: MediaSource } {
  if (data.startsWith("data:")) return sourceFromUrl(data, fallbackType);
  return { mediaType: fallbackType, source: { kind: "base64", data } };
}

/** The URL form of a file part, `data:` when it is inline; undefined when it is neither a URL nor inline. */
export function urlFromFile(part: FilePart): string | undefined {
  if (part.source.kind === "url") return part.source.url;
  if (part.source.kind === "base64") return `data:${concreteType(part.mediaType)};base64,${part.source.data}`;
  if (part.source.kind === "text") return `data:text/plain;base64,${Buffer.from(part.source.text).toString("base64")}`;
  return undefined;
}

/** A media type a vendor accepts, where the client only said a range such as `image/*`. */
export function concreteType(mediaType: string): string {
  if (mediaType === "image/*") return "image/jpeg";
  return mediaType.endsWith("/*") ? "application/octet-stream" : mediaType;
}

export function isImage(part: FilePart): boolean {
  return part.mediaType.startsWith("image/");
}

const typesByEnding: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  pdf: "application/pdf",
  txt: "text/plain",
};

/** The media type a file name or URL path suggests, or undefined. */
export function typeFromName(name: string): string | undefined {
  const ending = /\.([a-z0-9]+)(?:[?#]|$)/i.exec(name)?.[1]?.toLowerCase();
  return lookUp(typesByEnding, ending);
}
