package kubetest

import (
	"context"
	"errors"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// realNode is the name of the only node.
const realNode = "node-1"

// realPlacement does what a scheduler does where there is one node: the API server itself names the node in every pod
// that is made without one. A pod with a scheduling gate stays Pending, as it does where there is a scheduler.
const realPlacement = `apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata:
  name: kubetest-placement
spec:
  failurePolicy: Fail
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules:
    - apiGroups: [""]
      apiVersions: [v1]
      operations: [CREATE]
      resources: [pods]
  matchConditions:
  - name: waits-for-a-node
    expression: (!has(object.spec.nodeName) || object.spec.nodeName == "") && !has(object.spec.schedulingGates)
  mutations:
  - patchType: ApplyConfiguration
    applyConfiguration:
      expression: 'Object{spec: Object.spec{nodeName: "` + realNode + `"}}'
`

const realPlacementBinding = `apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata:
  name: kubetest-placement
spec:
  policyName: kubetest-placement
`

const realNodeObject = `apiVersion: v1
kind: Node
metadata:
  name: ` + realNode + `
`

// answers tells whether the API server can be used.
func (c *realCluster) answers(ctx context.Context) error {
	return c.client.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
}

// settle makes what has to be there before the controllers and kwok start.
func (c *realCluster) settle(ctx context.Context, in realInstall) error {
	logs, err := os.ReadFile(in.path("logs-crd.yaml"))
	if err != nil {
		return err
	}
	for _, object := range []struct{ path, yaml string }{
		{"/apis/apiextensions.k8s.io/v1/customresourcedefinitions", string(logs)},
		{"/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies", realPlacement},
		{"/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings", realPlacementBinding},
		{"/api/v1/nodes", realNodeObject},
	} {
		err := c.client.RESTClient().Post().AbsPath(object.path).
			SetHeader("Content-Type", "application/yaml").Body([]byte(object.yaml)).Do(ctx).Error()
		if err != nil {
			return fmt.Errorf("making an object in %s: %w", object.path, err)
		}
	}
	if err := c.await(ctx, "the logs of pods are not known", c.knowsLogs); err != nil {
		return err
	}
	return c.await(ctx, "pods are not placed on the node", c.places)
}

// knowsLogs tells whether kwok's objects can be written.
func (c *realCluster) knowsLogs(ctx context.Context) error {
	return c.client.RESTClient().Get().AbsPath("/apis/kwok.x-k8s.io/v1alpha1/logs").Do(ctx).Error()
}

// places tells whether a pod would be placed.
func (c *realCluster) places(ctx context.Context) error {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "kubetest-placement"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "none"}}},
	}
	made, err := c.client.CoreV1().Pods("default").Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err == nil && made.Spec.NodeName != realNode {
		err = errors.New("the policy is not in force yet")
	}
	return err
}

// nodeReady tells whether kwok plays the node.
func (c *realCluster) nodeReady(ctx context.Context) error {
	node, err := c.client.CoreV1().Nodes().Get(ctx, realNode, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
			return nil
		}
	}
	return errors.New("it has not said that it is")
}
