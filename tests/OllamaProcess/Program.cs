using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Hosting;

var builder = WebApplication.CreateSlimBuilder();
builder.WebHost.UseUrls("http://" + Environment.GetEnvironmentVariables()["OLLAMA_HOST"]);
var app = builder.Build();
app.MapGet("/", () => "Ollama is running");
app.MapGet("/api/version", (HttpContext c) => { c.Response.ContentType = "application/json"; return c.Response.WriteAsync("{\"version\":\"0.32.15\"}"); });
await app.RunAsync();
return 0;
