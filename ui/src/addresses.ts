/** The IP address of a URL, as `view.network.addresses` names it: without the brackets of IPv6. */
export function addressOfUrl(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, "");
}
