using System.Net;
using OllamaProxy.Host.Access;

namespace OllamaProxy.Host.Admission;

/// <summary>
/// One client in the queue: an address, an application and a credential. So users behind one address, and programs of one user, do not wait for each other.
/// </summary>
/// <param name="Address">The network (<see cref="ClientNetwork"/>) of the peer, or of the client that a trusted proxy names.</param>
/// <param name="Application">The product name of the User-Agent, without its version; empty for none.</param>
/// <param name="Credential">
/// A hash of Authorization and x-api-key that differs in each process; 0 for neither. Two users with the same hash share a turn, which is all a collision does.
/// </param>
internal readonly record struct ClientKey(IPAddress Address, string Application, int Credential)
{
    public static ClientKey Of(HttpContext context)
    {
        var headers = context.Request.Headers;
        return new ClientKey(
            ClientNetwork.Of(context.Connection.RemoteIpAddress ?? IPAddress.None),
            ApplicationOf(headers.UserAgent.ToString()),
            CredentialOf(headers.Authorization.ToString(), headers["x-api-key"].ToString()));
    }

    /// <summary>The name of the first product (RFC 9110, section 10.1.5): <c>OpenAI</c> of <c>OpenAI/Python 1.109.1</c>.</summary>
    internal static string ApplicationOf(string userAgent)
    {
        var end = userAgent.AsSpan().IndexOfAny('/', ' ', '(');
        return end < 0 ? userAgent : userAgent[..end];
    }

    private static int CredentialOf(string authorization, string apiKey) =>
        authorization.Length == 0 && apiKey.Length == 0 ? 0 : HashCode.Combine(authorization, apiKey);
}
