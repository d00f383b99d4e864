using System.Reflection;
using OllamaProxy.Domain;
using Xunit.Sdk;
using Xunit.v3;

namespace OllamaProxy.StoreTests;

/// <summary>Every order of <see cref="RequestOrder"/> in both directions.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class CombinatorialOrdersAttribute : DataAttribute
{
    public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(MethodInfo testMethod, DisposalTracker disposalTracker) =>
        ValueTask.FromResult<IReadOnlyCollection<ITheoryDataRow>>(
            [.. from order in Enum.GetValues<RequestOrder>() from direction in new[] { false, true } select new TheoryDataRow<RequestOrder,
                bool>(order, direction)]);

    public override bool SupportsDiscoveryEnumeration() => true;
}
