using System.Reflection;
using System.Xml.Linq;
using OllamaProxy.TestKit;

namespace OllamaProxy.UnitTests.Architecture;

/// <summary>Checks the dependencies in docs/architecture.md: Host -> Infrastructure -> Application -> Domain, and packages only in their layer.</summary>
public sealed class LayerTests
{
    private static readonly Assembly s_domain = typeof(Domain.Exchange).Assembly;
    private static readonly Assembly s_application = typeof(Application.ApplicationServices).Assembly;
    private static readonly Assembly s_infrastructure = typeof(Infrastructure.InfrastructureServices).Assembly;

    [Fact]
    public void The_domain_references_no_other_layer()
    {
        Assert.Empty(ReferencesOf("Domain"));
        Assert.DoesNotContain(s_domain.GetReferencedAssemblies(), name => !name.Name!.StartsWith("System", StringComparison.Ordinal));
    }

    [Fact]
    public void The_application_references_only_the_domain_and_abstractions()
    {
        Assert.Equal(
            [
                "FluentValidation", "MediatR", "Microsoft.Extensions.DependencyInjection.Abstractions", "Microsoft.Extensions.Diagnostics",
                "Microsoft.Extensions.Logging.Abstractions", "OllamaProxy.Domain",
            ],
            ReferencesOf("Application"));
        Assert.DoesNotContain(s_application.GetReferencedAssemblies(), IsOneOf("Microsoft.AspNetCore", "Yarp", "OpenTelemetry", "Dapper", "Microsoft.Data"));
    }

    [Fact]
    public void The_infrastructure_references_no_web_server()
    {
        Assert.Contains("OllamaProxy.Application", ReferencesOf("Infrastructure"));
        Assert.DoesNotContain(s_infrastructure.GetReferencedAssemblies(), IsOneOf("Microsoft.AspNetCore", "Yarp", "OpenTelemetry"));
    }

    [Fact]
    public void Every_class_is_sealed_or_abstract()
    {
        var open = from assembly in (Assembly[])[s_domain, s_application, s_infrastructure, typeof(Host.ProxyHost).Assembly]
                   from type in assembly.GetTypes()
                   where type.IsClass && !type.IsSealed && !type.IsAbstract && type.FullName!.StartsWith("OllamaProxy.", StringComparison.Ordinal)
                   where !type.IsDefined(typeof(System.Runtime.CompilerServices.CompilerGeneratedAttribute))
                   where !IsGenerated(type)
                   select type.FullName;

        Assert.Empty(open);
    }

    [Fact]
    public void Folders_are_capabilities_and_never_kinds()
    {
        string[] kinds = ["Interfaces", "Helpers", "Models", "Utilities", "Utils", "Common", "Services", "Extensions", "Exceptions", "Enums", "Constants",
            "Behaviours"];

        var found = Directory.EnumerateDirectories(Repository.PathOf("src"), "*", SearchOption.AllDirectories)
            .Where(folder => !folder.Contains("node_modules", StringComparison.Ordinal) && kinds.Contains(Path.GetFileName(folder)));

        Assert.Empty(found);
    }

    [Fact]
    public void Program_fits_on_a_page()
    {
        Assert.InRange(File.ReadAllLines(Repository.PathOf("src", "OllamaProxy.Host", "Program.cs")).Length, 1, 60);
    }

    /// <summary>True for types that source generators add (regular expressions, logging), which we cannot seal.</summary>
    private static bool IsGenerated(Type type) =>
        type.IsDefined(typeof(System.CodeDom.Compiler.GeneratedCodeAttribute)) || type.Name.Contains('<', StringComparison.Ordinal);

    private static Predicate<AssemblyName> IsOneOf(params string[] prefixes) =>
        name => prefixes.Any(prefix => name.Name!.StartsWith(prefix, StringComparison.Ordinal));

    private static string[] ReferencesOf(string layer)
    {
        var project = XDocument.Load(Repository.PathOf("src", $"OllamaProxy.{layer}", $"OllamaProxy.{layer}.csproj"));
        var packages = project.Descendants("PackageReference").Select(reference => reference.Attribute("Include")!.Value);
        var projects = project.Descendants("ProjectReference").Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value));
        return [.. packages.Concat(projects).Order(StringComparer.Ordinal)];
    }
}
