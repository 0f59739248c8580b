"""Field numbers of the objects that clients send in protobuf (form: `machinery/protobuf.py`).

Complete for what kubectl 1.32 makes by its typed clients: `kubectl create configmap, deployment, job, namespace, …`,
`kubectl expose`, `kubectl auth can-i`, `kubectl drain`. Rarer fields (affinity, volumes of a Pod …) are not here: a
body that has them is refused in this encoding, with the advice to send JSON.
"""

from collections.abc import Mapping

KINDS: Mapping[tuple[str, str], str] = {
    ("v1", "Namespace"): "Namespace",
    ("v1", "ConfigMap"): "ConfigMap",
    ("v1", "Secret"): "Secret",
    ("v1", "Service"): "Service",
    ("v1", "ServiceAccount"): "ServiceAccount",
    ("v1", "Pod"): "Pod",
    ("v1", "Binding"): "Binding",
    ("v1", "DeleteOptions"): "DeleteOptions",
    ("apps/v1", "Deployment"): "Deployment",
    ("batch/v1", "Job"): "Job",
    ("batch/v1", "CronJob"): "CronJob",
    ("policy/v1", "Eviction"): "Eviction",
    ("policy/v1beta1", "Eviction"): "Eviction",
    ("authentication.k8s.io/v1", "SelfSubjectReview"): "SelfSubjectReview",
    ("authentication.k8s.io/v1", "TokenRequest"): "TokenRequest",
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview"): "SelfSubjectAccessReview",
    ("authorization.k8s.io/v1", "SelfSubjectRulesReview"): "SelfSubjectRulesReview",
}
"""(apiVersion, kind) → message."""

FIELDS: Mapping[str, str] = {
    # metadata
    "ObjectMeta": (
        "1:name 2:generateName 3:namespace 4:selfLink 5:uid 6:resourceVersion 7:generation:int "
        "8:creationTimestamp:Time 9:deletionTimestamp:Time 10:deletionGracePeriodSeconds:*int 11:labels:map "
        "12:annotations:map 13:ownerReferences:[]OwnerReference 14:finalizers:[]"
    ),
    "OwnerReference": "1:kind 3:name 4:uid 5:apiVersion 6:controller:*bool 7:blockOwnerDeletion:*bool",
    "LabelSelector": "1:matchLabels:map 2:matchExpressions:[]LabelSelectorRequirement",
    "LabelSelectorRequirement": "1:key 2:operator 3:values:[]",
    "DeleteOptions": (
        "1:gracePeriodSeconds:*int 2:preconditions:Preconditions 3:orphanDependents:*bool 4:propagationPolicy "
        "5:dryRun:[]"
    ),
    "Preconditions": "1:uid 2:resourceVersion",
    # core
    "Namespace": "1:metadata:ObjectMeta 2:spec:NamespaceSpec 3:status:NamespaceStatus",
    "NamespaceSpec": "1:finalizers:[]",
    "NamespaceStatus": "1:phase",
    "ConfigMap": "1:metadata:ObjectMeta 2:data:map 3:binaryData:map:bytes 4:immutable:*bool",
    "Secret": "1:metadata:ObjectMeta 2:data:map:bytes 3:type 4:stringData:map 5:immutable:*bool",
    "ServiceAccount": (
        "1:metadata:ObjectMeta 2:secrets:[]ObjectReference 3:imagePullSecrets:[]LocalObjectReference "
        "4:automountServiceAccountToken:*bool"
    ),
    "ObjectReference": "1:kind 2:namespace 3:name 4:uid 5:apiVersion 6:resourceVersion 7:fieldPath",
    "LocalObjectReference": "1:name",
    "Binding": "1:metadata:ObjectMeta 2:target:ObjectReference",
    "Service": "1:metadata:ObjectMeta 2:spec:ServiceSpec 3:status:ServiceStatus",
    "ServiceSpec": (
        "1:ports:[]ServicePort 2:selector:map 3:clusterIP 4:type 5:externalIPs:[] 7:sessionAffinity 8:loadBalancerIP "
        "9:loadBalancerSourceRanges:[] 10:externalName 11:externalTrafficPolicy 12:healthCheckNodePort:int "
        "13:publishNotReadyAddresses:bool 17:ipFamilyPolicy 18:clusterIPs:[] 19:ipFamilies:[] "
        "20:allocateLoadBalancerNodePorts:*bool 21:loadBalancerClass 22:internalTrafficPolicy"
    ),
    "ServicePort": "1:name 2:protocol 3:port:int 4:targetPort:IntOrString 5:nodePort:int 6:appProtocol",
    "ServiceStatus": "1:loadBalancer:LoadBalancerStatus",
    "LoadBalancerStatus": "",
    # Pods
    "Pod": "1:metadata:ObjectMeta 2:spec:PodSpec 3:status:PodStatus",
    "PodStatus": "1:phase",
    "PodTemplateSpec": "1:metadata:ObjectMeta 2:spec:PodSpec",
    "PodSpec": (
        "2:containers:[]Container 3:restartPolicy 4:terminationGracePeriodSeconds:*int 5:activeDeadlineSeconds:*int "
        "6:dnsPolicy 7:nodeSelector:map 8:serviceAccountName 9:serviceAccount 10:nodeName 11:hostNetwork:bool "
        "12:hostPID:bool 13:hostIPC:bool 15:imagePullSecrets:[]LocalObjectReference 16:hostname 17:subdomain "
        "19:schedulerName 20:initContainers:[]Container 21:automountServiceAccountToken:*bool 24:priorityClassName"
    ),
    "Container": (
        "1:name 2:image 3:command:[] 4:args:[] 5:workingDir 6:ports:[]ContainerPort 7:env:[]EnvVar "
        "8:resources:ResourceRequirements 13:terminationMessagePath 14:imagePullPolicy 16:stdin:bool 17:stdinOnce:bool "
        "18:tty:bool 20:terminationMessagePolicy"
    ),
    "ContainerPort": "1:name 2:hostPort:int 3:containerPort:int 4:protocol 5:hostIP",
    "EnvVar": "1:name 2:value",
    "ResourceRequirements": "1:limits:map:Quantity 2:requests:map:Quantity",
    # apps and batch
    "Deployment": "1:metadata:ObjectMeta 2:spec:DeploymentSpec 3:status:DeploymentStatus",
    "DeploymentSpec": (
        "1:replicas:*int 2:selector:LabelSelector 3:template:PodTemplateSpec 4:strategy:DeploymentStrategy "
        "5:minReadySeconds:int 6:revisionHistoryLimit:*int 7:paused:bool 9:progressDeadlineSeconds:*int"
    ),
    "DeploymentStrategy": "1:type 2:rollingUpdate:RollingUpdateDeployment",
    "RollingUpdateDeployment": "1:maxUnavailable:*IntOrString 2:maxSurge:*IntOrString",
    "DeploymentStatus": "",
    "Job": "1:metadata:ObjectMeta 2:spec:JobSpec 3:status:JobStatus",
    "JobSpec": (
        "1:parallelism:*int 2:completions:*int 3:activeDeadlineSeconds:*int 4:selector:LabelSelector "
        "5:manualSelector:*bool 6:template:PodTemplateSpec 7:backoffLimit:*int 8:ttlSecondsAfterFinished:*int "
        "9:completionMode 10:suspend:*bool"
    ),
    "JobStatus": "",
    "CronJob": "1:metadata:ObjectMeta 2:spec:CronJobSpec 3:status:CronJobStatus",
    "CronJobSpec": (
        "1:schedule 2:startingDeadlineSeconds:*int 3:concurrencyPolicy 4:suspend:*bool 5:jobTemplate:JobTemplateSpec "
        "6:successfulJobsHistoryLimit:*int 7:failedJobsHistoryLimit:*int 8:timeZone"
    ),
    "JobTemplateSpec": "1:metadata:ObjectMeta 2:spec:JobSpec",
    "CronJobStatus": "",
    # policy, authentication, authorization
    "Eviction": "1:metadata:ObjectMeta 2:deleteOptions:DeleteOptions",
    "TokenRequest": "1:metadata:ObjectMeta 2:spec:TokenRequestSpec 3:status:TokenRequestStatus",
    "TokenRequestSpec": "1:audiences:[] 3:boundObjectRef:BoundObjectReference 4:expirationSeconds:*int",
    "BoundObjectReference": "1:kind 2:apiVersion 3:name 4:uid",
    "TokenRequestStatus": "1:token 2:expirationTimestamp:Time",
    "SelfSubjectReview": "1:metadata:ObjectMeta 2:status:SelfSubjectReviewStatus",
    "SelfSubjectReviewStatus": "1:userInfo:UserInfo",
    "UserInfo": "1:username 2:uid 3:groups:[]",
    "SelfSubjectAccessReview": (
        "1:metadata:ObjectMeta 2:spec:SelfSubjectAccessReviewSpec 3:status:SubjectAccessReviewStatus"
    ),
    "SelfSubjectAccessReviewSpec": (
        "1:resourceAttributes:ResourceAttributes 2:nonResourceAttributes:NonResourceAttributes"
    ),
    "ResourceAttributes": "1:namespace 2:verb 3:group 4:version 5:resource 6:subresource 7:name",
    "NonResourceAttributes": "1:path 2:verb",
    "SubjectAccessReviewStatus": "1:allowed:bool 2:reason 3:evaluationError 4:denied:bool",
    "SelfSubjectRulesReview": (
        "1:metadata:ObjectMeta 2:spec:SelfSubjectRulesReviewSpec 3:status:SubjectRulesReviewStatus"
    ),
    "SelfSubjectRulesReviewSpec": "1:namespace",
    "SubjectRulesReviewStatus": "3:incomplete:bool 4:evaluationError",
}
"""Message → its fields."""
